//! Giving seats back to the people who had them.
