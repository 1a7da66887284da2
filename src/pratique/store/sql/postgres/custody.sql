-- name: list_objects
-- Standing objects of a range of keys, by the bytes of their keys.
SELECT id, dataset, key, size, sha256, media_type, metadata, wrapped_key, created_at, by_lease
FROM objects
WHERE dataset = :dataset AND key >= :low AND key < :high AND until_version IS NULL
ORDER BY key LIMIT :count;

-- name: lock_scopes
-- These scopes, locked in their order, with what a lease's bucket holds.
SELECT id, state, reason, incident, cap_bytes, cap_objects, reserved_bytes, reserved_objects,
  changed_epoch, bucket_bytes, bucket_at
FROM scopes WHERE id = ANY(:ids) ORDER BY level, id FOR UPDATE;

-- name: lock_coverage
-- The same, locked in the order of objects.
SELECT object, bitmap FROM coverage WHERE lease = :lease AND object = ANY(:objects)
ORDER BY object FOR UPDATE;
