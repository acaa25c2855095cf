//! What became of intents whose outcome is not known.
