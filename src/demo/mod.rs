//! The reference town: a community that is simulated from a seed and driven through the real API,
//! so that whoever runs one command sees a city's gyms live. What the town is stands in the pure
//! files (places, people, visits, history, crowd); the rest speaks HTTP like anybody else, but for
//! what the town has beside its doors, most of which happened before there was a server.

mod calendar;
mod chance;
mod credentials;
mod crowd;
mod door_log;
mod found;
mod history;
mod life;
mod live;
mod load;
mod names;
mod native;
mod office;
mod people;
mod places;
mod plan;
mod progress;
mod run;
pub mod swipes;
mod visits;

#[cfg(test)]
mod plan_tests;

pub use run::{Options, run};
