-- Whether a load was ended before it finished its days: what lies there is not seen.
SELECT EXISTS (SELECT FROM daybook.building)
