-- Creates the database and its two roles, as a superuser of PostgreSQL 15 or newer: one role owns the tables, and the
-- other, which the servers and job workers use, owns nothing. The passwords are in the environment of psql:
--   OWNER_PASSWORD=... APP_PASSWORD=... psql --no-psqlrc --file deploy/database.sql postgres

\set ON_ERROR_STOP on
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD

-- Passwords and the links of emails, which are parameters of statements, stay out of PostgreSQL's log.
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';

CREATE ROLE team_access_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE team_access LOGIN PASSWORD :'app_password';
CREATE DATABASE team_access OWNER team_access_owner TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8';
REVOKE ALL ON DATABASE team_access FROM PUBLIC;
GRANT CONNECT ON DATABASE team_access TO team_access;
ALTER DATABASE team_access SET log_parameter_max_length = 0;
ALTER DATABASE team_access SET log_parameter_max_length_on_error = 0;
