//! The stores of counters: what they hold, and time that passes in them.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Gateway, Redis};

/// A store of counters.
pub(crate) enum Store {
    Sqlite,
    Redis(Redis),
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Redis(_) => "Redis",
        })
    }
}

impl Store {
    /// SQLite, and Redis where it is installed.
    pub(crate) async fn all() -> Vec<Self> {
        [Some(Self::Sqlite), Redis::start().await.map(Self::Redis)].into_iter().flatten().collect()
    }

    /// The members of `counters`: a machine with much to do is no store that fails.
    pub(crate) fn counters(&self) -> String {
        match self {
            Self::Sqlite => r#""timeout": "30s""#.to_owned(),
            Self::Redis(redis) => format!(r#""timeout": "30s", "redis": "{}""#, redis.url()),
        }
    }

    /// How long each lease still lasts, in milliseconds.
    pub(crate) async fn leases(&self, gateway: &Gateway) -> Vec<i64> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let now = i64::try_from(now).unwrap();
        let expire: Vec<i64> = match self {
            Self::Sqlite => {
                let database = gateway.database();
                let mut statement = database.prepare("SELECT expires FROM leases").unwrap();
                statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
            }
            Self::Redis(redis) => {
                let (mut connection, cells) = redis.cells().await;
                let mut expire = Vec::new();
                for cell in cells {
                    let mut all = redis::cmd("ZRANGE");
                    all.arg(cell).arg(0).arg(-1).arg("WITHSCORES");
                    let scores: Vec<(i64, i64)> = all.query_async(&mut connection).await.unwrap();
                    expire.extend(scores.into_iter().map(|(_, expires)| expires));
                }
                expire
            }
        };
        expire.into_iter().map(|expires| expires - now).collect()
    }

    /// Lets `time` pass for all leases: they expire earlier by as much.
    pub(crate) async fn pass(&self, gateway: &Gateway, time: Duration) {
        let time = i64::try_from(time.as_millis()).unwrap();
        match self {
            Self::Sqlite => {
                gateway.database().execute("UPDATE leases SET expires = expires - ?1", [time]).unwrap();
            }
            Self::Redis(redis) => {
                let (mut connection, cells) = redis.cells().await;
                for cell in cells {
                    let holders: Vec<i64> =
                        redis::cmd("ZRANGE").arg(&cell).arg(0).arg(-1).query_async(&mut connection).await.unwrap();
                    for holder in holders {
                        let mut earlier = redis::cmd("ZINCRBY");
                        earlier.arg(&cell).arg(-time).arg(holder);
                        let _: String = earlier.query_async(&mut connection).await.unwrap();
                    }
                }
            }
        }
    }
}

impl Redis {
    async fn cells(&self) -> (redis::aio::MultiplexedConnection, Vec<String>) {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let cells = redis::cmd("KEYS").arg("edgeway:*").query_async(&mut connection).await.unwrap();
        (connection, cells)
    }
}
