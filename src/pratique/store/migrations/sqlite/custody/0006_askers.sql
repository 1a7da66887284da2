-- By which token somebody asked for a larger budget: nobody decides by the same one.

ALTER TABLE budget_requests ADD COLUMN asked_token TEXT NOT NULL DEFAULT '';
