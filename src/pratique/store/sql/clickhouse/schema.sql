-- name: create_items
-- Releases and files that some evidence named.
CREATE TABLE IF NOT EXISTS items (
  item UInt64, type LowCardinality(String), name String, version String, digest String,
  filename String, admits String, entry UInt64,
  INDEX items_by_digest digest TYPE bloom_filter GRANULARITY 1
) ENGINE = ReplacingMergeTree ORDER BY (name, type, item);

-- name: create_assets
-- What installs or runs releases.
CREATE TABLE IF NOT EXISTS assets (
  asset UInt64, name String,
  INDEX assets_by_name name TYPE bloom_filter GRANULARITY 1
) ENGINE = ReplacingMergeTree ORDER BY asset;

-- name: create_asset_states
-- What was known of an asset as a whole from a ledger sequence on.
CREATE TABLE IF NOT EXISTS asset_states (
  asset UInt64, tx_from UInt64, kind LowCardinality(String), since Int64
) ENGINE = ReplacingMergeTree ORDER BY (asset, tx_from);

-- name: create_places
-- Where in an asset something was seen.
CREATE TABLE IF NOT EXISTS places (
  place UInt64, asset UInt64, kind LowCardinality(String), locator String, lineage UInt64,
  lineage_name String, machine String,
  INDEX places_by_asset asset TYPE bloom_filter GRANULARITY 1
) ENGINE = ReplacingMergeTree ORDER BY place;

-- name: create_place_seen
-- Until when the newest look of a place saw it, from a ledger sequence on.
CREATE TABLE IF NOT EXISTS place_seen (
  place UInt64, tx_from UInt64, seen Int64
) ENGINE = ReplacingMergeTree ORDER BY (place, tx_from);

-- name: create_looks_opens
-- A look at a place, and how many facts and assets were known more for it.
CREATE TABLE IF NOT EXISTS looks_opens (
  place UInt64, entry UInt64, asset UInt64, event UInt8, at_lo Int64, at_hi Int64, ended UInt8,
  whole UInt8, gaps UInt64, gained Int64, appeared UInt8,
  INDEX looks_by_asset asset TYPE bloom_filter GRANULARITY 1,
  INDEX looks_by_entry entry TYPE minmax GRANULARITY 1
) ENGINE = ReplacingMergeTree ORDER BY (place, entry);

-- name: create_looks_closes
-- Since which ledger sequence a look no longer counts.
CREATE TABLE IF NOT EXISTS looks_closes (
  place UInt64, entry UInt64, tx_to UInt64
) ENGINE = ReplacingMergeTree ORDER BY (place, entry);

-- name: create_tallies
-- Totals after some entries; looks say what came since.
CREATE TABLE IF NOT EXISTS tallies (
  entry UInt64, facts Int64, assets Int64
) ENGINE = ReplacingMergeTree ORDER BY entry;

-- name: create_unreadable
-- Entries that the projection could not read.
CREATE TABLE IF NOT EXISTS unreadable (
  entry UInt64
) ENGINE = ReplacingMergeTree ORDER BY entry;

-- name: create_shipped
-- How many ledger entries the rows rest on: one row per shipment, the largest counts.
CREATE TABLE IF NOT EXISTS shipped (
  applied UInt64
) ENGINE = ReplacingMergeTree ORDER BY applied;

-- name: create_details
-- What sightings say beyond their item.
CREATE TABLE IF NOT EXISTS details (
  detail UInt64, body String
) ENGINE = ReplacingMergeTree ORDER BY detail;

-- name: create_identities
-- Names of credentials, never their values.
CREATE TABLE IF NOT EXISTS identities (
  identity UInt64, kind LowCardinality(String), name String, local UInt8, locator String
) ENGINE = ReplacingMergeTree ORDER BY identity;

-- name: create_presence_opens
-- An item at a place: one row per statement about it, only ever added.
CREATE TABLE IF NOT EXISTS presence_opens (
  item UInt64, from_lo Int64, id UInt64, place UInt64, asset UInt64, stage UInt8, class UInt8,
  from_hi Int64, to_lo Int64, to_hi Int64, tx_from UInt64, entry UInt64, detail UInt64,
  INDEX presence_by_asset asset TYPE bloom_filter GRANULARITY 1
) ENGINE = ReplacingMergeTree ORDER BY (item, from_lo, id);

-- name: create_presence_closes
-- Since which ledger sequence a row of presence_opens no longer counts.
CREATE TABLE IF NOT EXISTS presence_closes (
  item UInt64, id UInt64, tx_to UInt64
) ENGINE = ReplacingMergeTree ORDER BY (item, id);

-- name: create_holdings_opens
-- An asset held an identity.
CREATE TABLE IF NOT EXISTS holdings_opens (
  asset UInt64, identity UInt64, id UInt64, place UInt64, class UInt8, from_lo Int64,
  from_hi Int64, to_lo Int64, to_hi Int64, tx_from UInt64, entry UInt64
) ENGINE = ReplacingMergeTree ORDER BY (asset, identity, id);

-- name: create_holdings_closes
-- Since which ledger sequence a row of holdings_opens no longer counts.
CREATE TABLE IF NOT EXISTS holdings_closes (
  asset UInt64, id UInt64, tx_to UInt64
) ENGINE = ReplacingMergeTree ORDER BY (asset, id);

-- name: create_lineage_items
-- Which items lie in which contents of a lineage; a row that ended is added again with its end.
CREATE TABLE IF NOT EXISTS lineage_items (
  item UInt64, lineage UInt64, ord_from UInt64, sighting UInt64, ord_to UInt64, stage UInt8,
  since_lo Nullable(Int64), since_hi Nullable(Int64), detail UInt64
) ENGINE = MergeTree ORDER BY (item, lineage, ord_from, sighting);

-- name: create_lineage_identities
-- Which identities lie in which contents of a lineage; likewise.
CREATE TABLE IF NOT EXISTS lineage_identities (
  lineage UInt64, identity UInt64, ord_from UInt64, ord_to UInt64
) ENGINE = MergeTree ORDER BY (lineage, identity, ord_from);

-- name: create_occupancy_opens
-- A place had a content of its lineage: one row per run, however many items the content has.
CREATE TABLE IF NOT EXISTS occupancy_opens (
  lineage UInt64, ord UInt64, from_lo Int64, id UInt64, place UInt64, asset UInt64, class UInt8,
  from_hi Int64, to_lo Int64, to_hi Int64, latest Int64, tx_from UInt64, entry UInt64
) ENGINE = ReplacingMergeTree ORDER BY (lineage, ord, from_lo, id);

-- name: create_occupancy_closes
-- Since which ledger sequence a row of occupancy_opens no longer counts.
CREATE TABLE IF NOT EXISTS occupancy_closes (
  lineage UInt64, id UInt64, tx_to UInt64
) ENGINE = ReplacingMergeTree ORDER BY (lineage, id);

-- name: create_edges_opens
-- Facts between entities.
CREATE TABLE IF NOT EXISTS edges_opens (
  relation LowCardinality(String), subject String, object String, id UInt64, from_lo Int64,
  from_hi Int64, to_lo Int64, to_hi Int64, class UInt8, entry UInt64, note String,
  INDEX edges_by_object object TYPE bloom_filter GRANULARITY 1
) ENGINE = ReplacingMergeTree ORDER BY (relation, subject, id);

-- name: create_edges_closes
-- Since which ledger sequence a row of edges_opens no longer counts.
CREATE TABLE IF NOT EXISTS edges_closes (
  relation LowCardinality(String), id UInt64, tx_to UInt64
) ENGINE = ReplacingMergeTree ORDER BY (relation, id);

-- name: create_picked
-- Numbers that a question starts from; lives as long as the session.
CREATE TEMPORARY TABLE IF NOT EXISTS picked (number UInt64) ENGINE = Memory;

-- name: create_picked_texts
-- Texts that a question starts from.
CREATE TEMPORARY TABLE IF NOT EXISTS picked_texts (text String, more String) ENGINE = Memory;

-- name: create_picked_rows
-- Rows that the first step of a question found, for the second to complete.
CREATE TEMPORARY TABLE IF NOT EXISTS picked_rows (
  item UInt64, asset UInt64, place UInt64, from_lo Int64, from_hi Int64, to_lo Int64, to_hi Int64,
  stage UInt8, class UInt8, entry UInt64, detail UInt64, latest Int64, since_lo Nullable(Int64),
  since_hi Nullable(Int64)
) ENGINE = Memory;
