"""Who changed what, and when: our own writes from the versions of the state, merged with the events of Twilio."""
