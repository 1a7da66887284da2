-- name: read_control_epoch
-- The number that every change of control state raises.
SELECT value FROM control_epoch;
