--@ format = "parquet"
-- How much each visitor has looked at.
SELECT
    id,
    COUNT(*) AS page_views,
    SUM(file_size_bytes) AS total_bytes,
    MAX(file_size_bytes) AS max_bytes,
    MIN(file_size_bytes) AS min_bytes
FROM events
GROUP BY id
ORDER BY page_views DESC, id
