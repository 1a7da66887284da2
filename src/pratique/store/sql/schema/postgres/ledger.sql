-- The log. Entries are added, never changed: the triggers refuse UPDATE, DELETE and TRUNCATE, and a
-- role for the doors needs no more than SELECT and INSERT on ledger_entries, and SELECT, INSERT and
-- UPDATE on the two tables beside it.

CREATE TABLE ledger_entries (
  sequence bigint NOT NULL PRIMARY KEY CHECK (sequence >= 0),
  leaf bytea NOT NULL CHECK (octet_length(leaf) BETWEEN 1 AND 60000)
);

-- One row: how far the log goes, and the signed checkpoint that says so.
CREATE TABLE ledger_head (
  single boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (single),
  origin text NOT NULL,
  verifier_key text NOT NULL,
  size bigint NOT NULL CHECK (size >= 0),
  frontier bytea NOT NULL CHECK (octet_length(frontier) % 32 = 0),
  checkpoint text NOT NULL
);

-- Rows of hashes that tiles are cut from; they can be made again from the entries.
CREATE TABLE ledger_tiles (
  level smallint NOT NULL CHECK (level BETWEEN 0 AND 7),
  tile bigint NOT NULL CHECK (tile >= 0),
  hashes bytea NOT NULL CHECK (octet_length(hashes) % 32 = 0 AND octet_length(hashes) <= 8192),
  PRIMARY KEY (level, tile)
);

CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the ledger is append-only: % on % is refused', TG_OP, TG_TABLE_NAME;
END $$;

CREATE FUNCTION ledger_refuse_shrinking() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.size < OLD.size OR NEW.origin <> OLD.origin OR NEW.verifier_key <> OLD.verifier_key THEN
    RAISE EXCEPTION 'the ledger is append-only: its head cannot go back or change hands';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER ledger_entries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

CREATE TRIGGER ledger_head_stays BEFORE DELETE OR TRUNCATE ON ledger_head
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

CREATE TRIGGER ledger_head_grows BEFORE UPDATE ON ledger_head
  FOR EACH ROW EXECUTE FUNCTION ledger_refuse_shrinking();
