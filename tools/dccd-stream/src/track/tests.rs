//! What is claimed of series, from what comes of them.
