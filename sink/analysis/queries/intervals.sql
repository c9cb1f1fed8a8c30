, notice AS (
    SELECT stay.life, stay.stay, max(ordered.t) AS notice
    FROM stay JOIN ordered ON stay.life = ordered.life
    WHERE ordered.rank = 3 AND ordered.t <= coalesce(ordered.died, ordered.t)
        AND (ordered.t > stay.start OR ordered.t = stay.start AND stay.rank < 3)
        AND (ordered.t < stay.finish OR stay.next_rank IS NULL
            OR ordered.t = stay.finish AND stay.next_rank > 3)
    GROUP BY stay.life, stay.stay
)
SELECT ended.instance_id, ended.region_id, ended.zone_id, ended.instance_type, stay.stay,
    CASE stay.rank WHEN 0 THEN 'Pending' WHEN 1 THEN 'Starting' WHEN 2 THEN 'Running'
        WHEN 4 THEN 'Stopping' WHEN 5 THEN 'Stopped' END AS state,
    stay.start AS start_ms, stay.finish AS end_ms,
    CASE stay.next_rank WHEN 0 THEN 'Pending' WHEN 1 THEN 'Starting' WHEN 2 THEN 'Running'
        WHEN 4 THEN 'Stopping' WHEN 5 THEN 'Stopped' WHEN 6 THEN 'Deleted'
        ELSE CASE WHEN stay.outcome = 'interrupted_unconfirmed' THEN 'Gone' END END AS next_state,
    stay.illegal, 0 AS sighted, stay.born AS born_ms, notice.notice AS notice_ms
FROM stay JOIN ended ON stay.life = ended.life
LEFT JOIN notice ON stay.life = notice.life AND stay.stay = notice.stay
WHERE stay.rank <> 6
ORDER BY stay.life, stay.stay
LIMIT $limit
