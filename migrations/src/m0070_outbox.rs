//! Step 70: messages of every kind share the outbox, each with an end after which nobody wants to
//! know any more.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, or_null, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // What was written before asks when somebody left.
        let kind = text("kind").default("left").take();
        for mut column in [kind, or_null(instant("valid_until"))] {
            let messages = Table::alter().table("wechat_messages").add_column(&mut column).take();
            manager.alter_table(messages).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
