-- Who was in a segment at a moment: the change stream folded as it had been published up to then.
CREATE VIEW IF NOT EXISTS segment_members_at ${on_cluster}
AS SELECT profile_id, argMax(at, sequence) AS since
FROM segment_changes
WHERE segment_id = {segment:String} AND published_at <= {as_of:DateTime64(3, 'UTC')}
GROUP BY profile_id
HAVING argMax(change, sequence) = 'entered'
COMMENT 'Members of a segment as published up to a moment, and since when, with (segment, as_of)';
