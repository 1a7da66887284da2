-- name: find_origin
-- The upstream that a name is pinned to.
SELECT upstream FROM origins WHERE index_name = :index_name AND project = :project;

-- name: pin_origin
-- Pin a name; the first pin holds.
INSERT INTO origins (index_name, project, upstream) VALUES (:index_name, :project, :upstream)
ON CONFLICT (index_name, project) DO NOTHING;

-- name: list_projects
-- Names pinned on an index view.
SELECT project FROM origins WHERE index_name = :index_name;

-- name: find_serial
-- Highest serial seen.
SELECT serial FROM serials WHERE upstream = :upstream AND project = :project;

-- name: raise_serial
-- Remember a serial if it is higher than the one known.
INSERT INTO serials (upstream, project, serial) VALUES (:upstream, :project, :serial)
ON CONFLICT (upstream, project) DO UPDATE SET serial = excluded.serial
WHERE serials.serial < excluded.serial;

-- name: list_delivered
-- Files of a project that an index view has delivered.
SELECT index_name, project, version, filename, sha256, upstream, door_path, raw
FROM delivered_files WHERE index_name = :index_name AND project = :project
ORDER BY filename, sha256;

-- name: has_delivered
-- Whether this very file was delivered before.
SELECT 1 FROM delivered_files
WHERE index_name = :index_name AND project = :project AND filename = :filename AND sha256 = :sha256;

-- name: add_delivered
-- Remember a delivery; the same file again changes nothing.
INSERT INTO delivered_files
  (index_name, project, version, filename, sha256, upstream, door_path, raw)
VALUES (:index_name, :project, :version, :filename, :sha256, :upstream, :door_path, :raw)
ON CONFLICT (index_name, project, filename, sha256) DO NOTHING;

-- name: list_delivered_versions
-- Every version that was delivered, with the files' hashes, for eviction.
SELECT index_name, project, version, sha256 FROM delivered_files;

-- name: find_pinned_hash
-- Hash pinned at the first download of a file that had none.
SELECT sha256 FROM pinned_hashes WHERE upstream = :upstream AND url = :url;

-- name: pin_hash
-- Pin a hash; the first pin holds.
INSERT INTO pinned_hashes (upstream, url, sha256) VALUES (:upstream, :url, :sha256)
ON CONFLICT (upstream, url) DO NOTHING;

-- name: list_cleared
-- Files of a project that vetting found clean.
SELECT sha256 FROM cleared_files WHERE project = :project;

-- name: add_cleared
-- Remember a clean file.
INSERT INTO cleared_files (project, sha256) VALUES (:project, :sha256)
ON CONFLICT (project, sha256) DO NOTHING;
