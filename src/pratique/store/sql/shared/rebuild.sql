-- name: count_fact_rows
-- Rows by table, for the report of a rebuild.
SELECT 'pages', count(*) FROM pages
UNION ALL SELECT 'views', count(*) FROM views
UNION ALL SELECT 'view_lines', count(*) FROM view_lines
UNION ALL SELECT 'page_sessions', count(*) FROM page_sessions
UNION ALL SELECT 'deliveries', count(*) FROM deliveries
UNION ALL SELECT 'delivery_ends', count(*) FROM delivery_ends
UNION ALL SELECT 'refusals', count(*) FROM refusals
UNION ALL SELECT 'watches', count(*) FROM watches
UNION ALL SELECT 'assets', count(*) FROM assets
UNION ALL SELECT 'events', count(*) FROM events
UNION ALL SELECT 'advisory_revisions', count(*) FROM advisory_revisions
UNION ALL SELECT 'advisory_mentions', count(*) FROM advisory_mentions
UNION ALL SELECT 'unreadable_entries', count(*) FROM unreadable_entries;
