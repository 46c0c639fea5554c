--@ format = "parquet"
-- The visits of each visitor: page views less than half an hour apart are of one.
SELECT
    id,
    SESSION_START(event_datetime, INTERVAL '30' MINUTE) AS session_start,
    SESSION_END(event_datetime, INTERVAL '30' MINUTE) AS session_end,
    COUNT(*) AS page_views,
    COUNT(DISTINCT http_request) AS pages
FROM events
GROUP BY id, SESSION(event_datetime, INTERVAL '30' MINUTE)
ORDER BY id, session_start
