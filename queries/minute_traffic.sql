-- How many pages are viewed in each minute; a minute without events is not in the result.
SELECT
    TUMBLE_START(event_datetime, INTERVAL '1' MINUTE) AS window_start,
    TUMBLE_END(event_datetime, INTERVAL '1' MINUTE) AS window_end,
    COUNT(*) AS page_views
FROM events
GROUP BY TUMBLE(event_datetime, INTERVAL '1' MINUTE)
ORDER BY window_start
