-- Billing details and invoices.

-- The recipient of the next invoice. No row until the account has entered its details.
CREATE TABLE billing_details (
    account_id uuid NOT NULL,
    company varchar,
    email varchar,
    address_lines text[] NOT NULL,
    country varchar(2),
    tax_id varchar,
    CONSTRAINT pk_billing_details PRIMARY KEY (account_id),
    CONSTRAINT fk_billing_details_account_id FOREIGN KEY (account_id) REFERENCES accounts (id)
);
-- Across accounts, for the erasing of a person.
CREATE INDEX ix_billing_details_email ON billing_details (email) WHERE email IS NOT NULL;

-- Numbered per account from 1 without a gap. billed_to is a copy of the billing details at the time of
-- issue.
CREATE TABLE invoices (
    account_id uuid NOT NULL,
    id uuid NOT NULL,
    sequence integer NOT NULL,
    status varchar(40) NOT NULL,
    issued_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    paid_at timestamptz,
    currency varchar(3) NOT NULL,
    subtotal numeric(14, 2) NOT NULL,
    tax_rate numeric(5, 4) NOT NULL,
    tax numeric(14, 2) NOT NULL,
    total numeric(14, 2) NOT NULL,
    purchased_by_id uuid NOT NULL,
    billed_to json NOT NULL,
    CONSTRAINT pk_invoices PRIMARY KEY (account_id, id),
    CONSTRAINT fk_invoices_account_id_purchased_by_id
        FOREIGN KEY (account_id, purchased_by_id) REFERENCES members (account_id, id),
    CONSTRAINT fk_invoices_account_id FOREIGN KEY (account_id) REFERENCES accounts (id),
    CONSTRAINT ck_invoices_sequence CHECK (sequence > 0),
    CONSTRAINT ck_invoices_total CHECK (total = subtotal + tax),
    CONSTRAINT ck_invoices_invoice_status CHECK (status IN ('OPEN', 'PAID', 'VOID'))
);
-- ix_invoices_open serves the collection of payments of all accounts, ix_invoices_billed_to what is stored about a
-- person.
CREATE UNIQUE INDEX uq_invoices_sequence ON invoices (account_id, sequence);
CREATE INDEX ix_invoices_billed_to ON invoices ((billed_to ->> 'email'));
CREATE INDEX ix_invoices_issued ON invoices (account_id, issued_at, id);
CREATE INDEX ix_invoices_open ON invoices (issued_at, id) WHERE status = 'OPEN';
CREATE INDEX ix_invoices_status ON invoices (account_id, status, issued_at, id);
ALTER TABLE invoices ALTER COLUMN status SET (n_distinct = 3);  -- For the planner, as for audit_events.

CREATE TABLE invoice_lines (
    account_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    position integer NOT NULL,
    theme_id uuid NOT NULL,
    description varchar NOT NULL,
    quantity integer NOT NULL,
    currency varchar(3) NOT NULL,
    unit_price numeric(14, 2) NOT NULL,
    amount numeric(14, 2) NOT NULL,
    CONSTRAINT pk_invoice_lines PRIMARY KEY (account_id, invoice_id, position),
    CONSTRAINT fk_invoice_lines_account_id_invoice_id
        FOREIGN KEY (account_id, invoice_id) REFERENCES invoices (account_id, id),
    CONSTRAINT fk_invoice_lines_account_id FOREIGN KEY (account_id) REFERENCES accounts (id),
    CONSTRAINT fk_invoice_lines_theme_id FOREIGN KEY (theme_id) REFERENCES themes (id),
    CONSTRAINT ck_invoice_lines_quantity CHECK (quantity > 0),
    CONSTRAINT ck_invoice_lines_amount CHECK (amount = quantity * unit_price)
);

-- An issued invoice never changes, but for its status and the time of payment.
CREATE FUNCTION invoice_unchanged() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'invoices' THEN
        IF to_jsonb(OLD) - 'status' - 'paid_at' = to_jsonb(NEW) - 'status' - 'paid_at' THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'an issued invoice never changes' USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER invoices_unchanged BEFORE UPDATE OR DELETE ON invoices
    FOR EACH ROW EXECUTE FUNCTION invoice_unchanged();
CREATE TRIGGER invoices_not_truncated BEFORE TRUNCATE ON invoices
    FOR EACH STATEMENT EXECUTE FUNCTION invoice_unchanged();
CREATE TRIGGER invoice_lines_unchanged BEFORE UPDATE OR DELETE ON invoice_lines
    FOR EACH ROW EXECUTE FUNCTION invoice_unchanged();
CREATE TRIGGER invoice_lines_not_truncated BEFORE TRUNCATE ON invoice_lines
    FOR EACH STATEMENT EXECUTE FUNCTION invoice_unchanged();
