package postgres

import "time"

// userTimeout is after what time without an acknowledgement of the server's system a connection fails.
const userTimeout = 10 * time.Second

var processStart = time.Now()
