-- What each day takes on the disk, and in which form.
SELECT event_day AS day, form, bytes, events
FROM daybook.stored_days
ORDER BY event_day, form
