"""What people ask for, word for word; each demo fulfils one of these."""

OUTBOUND = (
    "Find the user with email rep@example.com, place an outbound call from them to +14155551234,"
    " then add the tag 'follow_up' to the resulting call."
)
SMS = (
    "Send an SMS from number num_555 to +14155551234 with body 'Your callback is scheduled for 3pm'"
    ", and forward replies to a Slack channel."
)
REVIEW = (
    "Search calls for user_42 from yesterday, pull each call's transcript, flag any call that"
    " contains the phrase 'cancel my account'. Then pause and resume the recording of a live call."
)
OPERATOR = (
    'Search "place an outbound call", load the schema, place a call from user_42 to +14155551234,'
    ' comment "auto-dialed by agent".'
)
