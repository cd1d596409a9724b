"""The data of the sandbox: accounts and all their resources."""
