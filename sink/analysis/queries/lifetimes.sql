, total AS (
    SELECT life, sum(CASE WHEN rank = 2 THEN finish - start ELSE 0 END) AS running,
        sum(CASE WHEN rank = 2 THEN greatest(least(finish, born + $hour) - start, 0) ELSE 0 END) AS protected,
        sum(CASE WHEN rank = 2 THEN 1 ELSE 0 END) AS starts,
        sum(CASE WHEN rank = 5 THEN 1 ELSE 0 END) AS stops, sum(illegal) AS illegal
    FROM stay GROUP BY life
)
SELECT ended.instance_id, ended.region_id, ended.zone_id, ended.instance_type,
    ended.born AS born_ms, CASE WHEN ended.born IS NOT NULL THEN 'event' END AS born_source,
    ended.entry AS entry_ms, CASE WHEN ended.born IS NULL THEN 1 ELSE 0 END AS truncated,
    ended.ending AS end_ms,
    CASE WHEN ended.died IS NOT NULL THEN 'deleted'
        WHEN ended.outcome = 'interrupted_unconfirmed' THEN 'notice_imputed' ELSE 'as_of' END AS end_source,
    CASE WHEN ended.died IS NOT NULL OR ended.outcome = 'interrupted_unconfirmed' THEN 1 ELSE 0 END AS ended,
    ended.outcome,
    CASE WHEN ended.outcome = 'released' AND ended.died - ended.recording_began < $window
        THEN 1 ELSE 0 END AS cause_uncertain,
    ended.notice AS notice_ms, ended.last_event AS last_event_ms,
    coalesce(total.running, 0) AS running_ms,
    CASE WHEN ended.born IS NOT NULL THEN coalesce(total.protected, 0) END AS protected_ms,
    coalesce(total.starts, 0) AS starts, coalesce(total.stops, 0) AS stops,
    coalesce(total.illegal, 0) AS illegal_steps
FROM ended LEFT JOIN total ON ended.life = total.life
ORDER BY ended.life
LIMIT $limit
