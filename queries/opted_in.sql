SELECT ip, id, lat, lng, age_bracket WHERE opted_into_marketing
