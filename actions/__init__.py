"""The action modules that come with the sink: each goes through the same door as third parties'."""
