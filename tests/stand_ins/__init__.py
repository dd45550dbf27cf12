"""What tests put in the place of something real: small data sets in the exact form in which their owners ship them, and
generators that break a promise, crash, spy or take their time. Each is made when a test asks for it."""
