"""What RAM, Alibaba Cloud's access control, lets a key do.

`policy.py` reads a policy document and decides; `log_actions.py` has RAM's names for the operations of SLS. A
key without a policy may do everything, as an account's owner may.
"""
