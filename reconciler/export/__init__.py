"""Write the configuration that declares the live resources of accounts; pure, does no I/O."""
