"""What every HTTP surface of this system has in common."""
