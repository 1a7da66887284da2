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
UNION ALL SELECT 'inventory_assets', count(*) FROM inventory_assets
UNION ALL SELECT 'asset_states', count(*) FROM asset_states
UNION ALL SELECT 'name_conflicts', count(*) FROM name_conflicts
UNION ALL SELECT 'items', count(*) FROM items
UNION ALL SELECT 'identities', count(*) FROM identities
UNION ALL SELECT 'details', count(*) FROM details
UNION ALL SELECT 'lineages', count(*) FROM lineages
UNION ALL SELECT 'places', count(*) FROM places
UNION ALL SELECT 'place_seen', count(*) FROM place_seen
UNION ALL SELECT 'contents', count(*) FROM contents
UNION ALL SELECT 'content_parts', count(*) FROM content_parts
UNION ALL SELECT 'looks', count(*) FROM looks
UNION ALL SELECT 'presence', count(*) FROM presence
UNION ALL SELECT 'holdings', count(*) FROM holdings
UNION ALL SELECT 'lineage_contents', count(*) FROM lineage_contents
UNION ALL SELECT 'lineage_items', count(*) FROM lineage_items
UNION ALL SELECT 'lineage_identities', count(*) FROM lineage_identities
UNION ALL SELECT 'occupancy', count(*) FROM occupancy
UNION ALL SELECT 'entities', count(*) FROM entities
UNION ALL SELECT 'edges', count(*) FROM edges
UNION ALL SELECT 'tallies', count(*) FROM tallies
UNION ALL SELECT 'unreadable_entries', count(*) FROM unreadable_entries;
