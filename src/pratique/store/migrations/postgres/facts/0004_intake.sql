-- Batches that collectors pushed are looked up by their name.
CREATE INDEX events_of_intake ON events (subject) WHERE kind = 'intake';
