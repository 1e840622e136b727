//! Where submissions wait for the recorder's task. Exits have a queue of their own, which goes first:
//! whoever wants to leave must not stand behind those who want to come in. Every fourth turn is the
//! others': while a crowd leaves, they would otherwise wait until it is through.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Submissions that may wait in each of the two; more are told to come back.
const QUEUE_MAX: usize = 2048;

/// The ways in.
pub struct Ways<T> {
    pub exits: mpsc::Sender<T>,
    pub others: mpsc::Sender<T>,
}

/// The task's end.
pub struct Queues<T> {
    exits: mpsc::Receiver<T>,
    others: mpsc::Receiver<T>,
}

pub fn new<T>() -> (Ways<T>, Queues<T>) {
    let (exits_in, exits) = mpsc::channel(QUEUE_MAX);
    let (others_in, others) = mpsc::channel(QUEUE_MAX);
    (Ways { exits: exits_in, others: others_in }, Queues { exits, others })
}

impl<T> Queues<T> {
    /// What waits first; nothing once `stop` was said and all that waited is taken.
    pub async fn first(&mut self, stop: &CancellationToken) -> Option<T> {
        tokio::select! {
            biased;
            Some(exit) = self.exits.recv() => return Some(exit),
            Some(other) = self.others.recv() => return Some(other),
            () = stop.cancelled() => {}
        }
        self.exits.close();
        self.others.close();
        match self.exits.recv().await {
            Some(exit) => Some(exit),
            None => self.others.recv().await,
        }
    }

    /// What a group takes along after `taken` others, if anything waits.
    pub fn next(&mut self, taken: usize) -> Option<T> {
        let next = if taken % 4 == 3 {
            self.others.try_recv().or_else(|_| self.exits.try_recv())
        } else {
            self.exits.try_recv().or_else(|_| self.others.try_recv())
        };
        next.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(exits: usize, others: usize, most: usize) -> Vec<&'static str> {
        let (ways, mut queues) = new();
        for _ in 0..exits {
            ways.exits.try_send("exit").expect("there is room");
        }
        for _ in 0..others {
            ways.others.try_send("other").expect("there is room");
        }
        (0..most).map_while(|n| queues.next(n)).collect()
    }

    #[test]
    fn exits_go_first_but_every_fourth_turn_is_the_others() {
        let turns = ["exit", "exit", "exit", "other", "exit", "exit", "exit", "other"];
        assert_eq!(taken(100, 100, 8), turns);
    }

    #[test]
    fn who_is_alone_waits_for_nobody() {
        assert_eq!(taken(5, 0, 100), ["exit"; 5]);
        assert_eq!(taken(0, 5, 100), ["other"; 5]);
    }

    #[tokio::test]
    async fn what_waits_when_all_is_stopped_is_taken_then_nothing() {
        let (ways, mut queues) = new();
        ways.others.try_send("other").expect("there is room");
        ways.exits.try_send("exit").expect("there is room");
        let stop = CancellationToken::new();
        stop.cancel();
        assert_eq!(queues.first(&stop).await, Some("exit"));
        assert_eq!(queues.first(&stop).await, Some("other"));
        assert_eq!(queues.first(&stop).await, None);
        assert!(ways.exits.try_send("late").is_err());
    }
}
