ALTER TABLE "email_outbox" ADD COLUMN "accepted" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "removals" DROP COLUMN "kind";