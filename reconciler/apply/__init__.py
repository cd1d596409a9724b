"""Walk a plan over gateways: write, verify, remember; the only code that changes anything outside."""
