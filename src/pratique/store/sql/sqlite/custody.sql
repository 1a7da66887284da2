-- name: list_objects
-- Standing objects of a range of keys, by the bytes of their keys. Without the hint SQLite walks ended ones.
SELECT id, dataset, key, size, sha256, media_type, metadata, wrapped_key, created_at, by_lease
FROM objects INDEXED BY objects_standing
WHERE dataset = :dataset AND key >= :low AND key < :high AND until_version IS NULL
ORDER BY key LIMIT :count;

-- name: lock_scopes
-- These scopes in their order (the transaction holds the file), with what a lease's bucket holds.
SELECT id, state, reason, incident, cap_bytes, cap_objects, reserved_bytes, reserved_objects,
  changed_epoch, bucket_bytes, bucket_at
FROM scopes WHERE id IN (SELECT value FROM json_each(:ids)) ORDER BY level, id;

-- name: lock_coverage
-- The same (the transaction holds the file).
SELECT object, bitmap FROM coverage WHERE lease = :lease AND object IN (SELECT value FROM json_each(:objects))
ORDER BY object;
