//! The real binary against the simulator.
