-- No transition: stands between two statements whose rows go together.
UNION ALL
