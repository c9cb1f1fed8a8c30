WITH event AS (
    SELECT coalesce(event_id, event_key) AS ref, instance_id, event_time_ms AS t, zone_id, instance_type,
        coalesce(region_id, max(region_id) OVER (PARTITION BY instance_id)) AS region_id,
        min(event_time_ms) OVER () AS recording_began,
        CASE WHEN kind = '$interruption' THEN 3 ELSE CASE lower(trim(state))
            WHEN 'created' THEN 0 WHEN 'pending' THEN 0 WHEN 'starting' THEN 1 WHEN 'running' THEN 2
            WHEN 'stopping' THEN 4 WHEN 'stopped' THEN 5 WHEN 'deleted' THEN 6 END END AS rank
    FROM log
    WHERE event_time_ms BETWEEN 0 AND $as_of AND coalesce(product, 'ECS') = 'ECS'
        AND instance_id NOT LIKE '%*%'
        AND (kind = '$interruption' OR kind = '$state_change' AND lower(trim(state)) IN
            ('created', 'pending', 'starting', 'running', 'stopping', 'stopped', 'deleted'))
), known AS (
    SELECT *, concat(coalesce(region_id, ''), '/', instance_id) AS life
    FROM event
), ordered AS (
    SELECT *, min(CASE WHEN rank = 6 THEN t END) OVER (PARTITION BY life) AS died,
        row_number() OVER (PARTITION BY life ORDER BY CASE WHEN zone_id IS NULL THEN 1 ELSE 0 END,
            t DESC, rank DESC, ref DESC) AS zone_order,
        row_number() OVER (PARTITION BY life ORDER BY CASE WHEN instance_type IS NULL THEN 1 ELSE 0 END,
            t DESC, rank DESC, ref DESC) AS type_order
    FROM known
), life AS (
    SELECT life, max(region_id) AS region_id, max(instance_id) AS instance_id,
        max(CASE WHEN zone_order = 1 THEN zone_id END) AS zone_id,
        max(CASE WHEN type_order = 1 THEN instance_type END) AS instance_type,
        min(t) AS entry, min(recording_began) AS recording_began, max(died) AS died,
        min(CASE WHEN rank = 0 AND t <= coalesce(died, t) THEN t END) AS pending,
        max(CASE WHEN rank = 3 AND t BETWEEN coalesce(died - $window, t) AND coalesce(died, t) THEN t END)
            AS notice,
        max(CASE WHEN rank <> 3 THEN t END) AS last_state,
        max(CASE WHEN t <= coalesce(died, t) THEN t END) AS last_event
    FROM ordered GROUP BY life
), judged AS (
    SELECT *, CASE
        WHEN died IS NOT NULL AND notice IS NOT NULL THEN 'interrupted'
        WHEN died IS NOT NULL THEN 'released'
        WHEN notice IS NULL THEN 'alive'
        WHEN last_state > notice + $grace THEN 'notice_survived'
        WHEN $as_of - notice > $window THEN 'interrupted_unconfirmed'
        ELSE 'notice_pending' END AS outcome,
        CASE WHEN pending = entry THEN entry END AS born
    FROM life
), ended AS (
    SELECT *, CASE
        WHEN died IS NOT NULL THEN died
        WHEN outcome = 'interrupted_unconfirmed' THEN greatest(notice + $lead, coalesce(last_state, 0))
        ELSE $as_of END AS ending
    FROM judged
), kept AS (
    SELECT life, t, rank, ref,
        lag(rank) OVER (PARTITION BY life ORDER BY t, rank, ref) AS before
    FROM ordered WHERE rank <> 3 AND t <= coalesce(died, t)
), step AS (
    SELECT life, t, rank, before,
        lead(t) OVER (PARTITION BY life ORDER BY t, rank, ref) AS next_t,
        lead(rank) OVER (PARTITION BY life ORDER BY t, rank, ref) AS next_rank,
        row_number() OVER (PARTITION BY life ORDER BY t, rank, ref) - 1 AS stay,
        CASE WHEN before IS NULL AND rank = 0 OR before = 0 AND rank IN (1, 5, 6)
            OR before = 1 AND rank IN (2, 4, 5, 6) OR before = 2 AND rank IN (4, 5, 6)
            OR before = 4 AND rank IN (1, 2, 5, 6) OR before = 5 AND rank IN (1, 6)
            THEN 0 ELSE 1 END AS illegal
    FROM kept WHERE before IS NULL OR before <> rank
), stay AS (
    SELECT step.life, stay, rank, t AS start, coalesce(next_t, ending) AS finish, illegal, next_rank, outcome, born
    FROM step JOIN ended ON step.life = ended.life
)
