"""An account as it is → configuration that declares exactly that; pure, does no I/O."""
