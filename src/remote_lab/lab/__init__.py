"""The lab on a remote, and the tunnel to it."""
