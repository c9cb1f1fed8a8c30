"""ecs-event-sink: every ECS system event from an MNS queue into an SLS logstore."""
