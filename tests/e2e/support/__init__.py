"""What the tests share: starting Larder and looking at it from outside."""
