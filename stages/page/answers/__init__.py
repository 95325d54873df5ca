"""The answers of the study in sentences that its numbers choose: one file a question."""
