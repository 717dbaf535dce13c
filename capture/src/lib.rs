//! Placeholder of the first commit; see ARCHITECTURE.md.
