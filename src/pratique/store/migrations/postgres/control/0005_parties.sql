-- Tokens may belong to a party, and parties push evidence with tokens of their own.
ALTER TABLE tokens ADD COLUMN party text NOT NULL DEFAULT '';
ALTER TABLE tokens DROP CONSTRAINT tokens_role_check;
ALTER TABLE tokens ADD CONSTRAINT tokens_role_check
  CHECK (role IN ('asset', 'approver', 'collector', 'party'));
