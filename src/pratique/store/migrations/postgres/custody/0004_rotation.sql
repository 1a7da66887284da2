-- Rotated keys of datasets, and what was written under scopes.

-- Below this generation nothing new is stored: its key is about to be destroyed, or was.
CREATE TABLE key_floors (
  dataset text NOT NULL PRIMARY KEY,
  generation bigint NOT NULL CHECK (generation > 0)
);

-- What was ever stored under a lease or a holder; reserved before it arrives, given back when nothing was.
CREATE TABLE scope_writes (
  scope text NOT NULL PRIMARY KEY,
  bytes bigint NOT NULL CHECK (bytes >= 0),
  objects bigint NOT NULL CHECK (objects >= 0)
);
