"""Match declared, recorded and live resources: names, SIDs and addresses."""
