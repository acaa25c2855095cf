//! Made-up demand for seats whose future is known: ten kinds, each from a seed.

/// What people would have, and what was seen of it, day by day.
#[derive(Debug, Clone)]
pub struct Made {
    pub name: &'static str,
    /// As if nothing had ever been bought or released.
    pub demand: Vec<f64>,
    pub seen: Vec<f64>,
    /// Day and total.
    pub totals: Vec<(usize, f64)>,
    /// Day and seats.
    pub released: Vec<(usize, u32)>,
}

/// Six years.
pub const DAYS: usize = 2191;

pub const KINDS: [&str; 10] = [
    "straight",
    "noisy straight",
    "steps",
    "purchases",
    "seasonal",
    "exponential",
    "flattening",
    "weekly pattern",
    "random walk",
    "clean-ups",
];

pub fn made(name: &'static str, seed: u64) -> Made {
    let mut random = fastrand::Rng::with_seed(seed);
    let rate = 1.0 + random.f64() * 5.0;
    let start = 60.0 + random.f64() * 120.0;
    let month = 30.4375;
    let mut walk = 0.0;
    let mut noise = 0.0;
    let mut demand = Vec::with_capacity(DAYS);
    let phase = random.f64() * std::f64::consts::TAU;
    for i in 0..DAYS {
        let x = i as f64;
        let (u, v) = (random.f64(), random.f64());
        let normal = (-2.0 * u.max(1e-12).ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        let weekday = i % 7 < 5;
        let come = |per_month: f64, random: &mut fastrand::Rng| {
            f64::from(u8::from(weekday && random.f64() < per_month * 7.0 / 5.0 / month))
        };
        let value = match name {
            "straight" => start + rate * x / month,
            "noisy straight" => {
                noise = 0.8 * noise + normal * 1.5;
                start + rate * x / month + noise
            }
            "steps" => {
                walk += come(rate / 2.0, &mut random) - come(rate / 4.0, &mut random);
                if random.f64() < 1.0 / 60.0 {
                    walk += f64::from(random.i32(3..15));
                }
                start + walk
            }
            "purchases" | "clean-ups" => {
                walk += come(rate, &mut random) - come(rate / 4.0, &mut random);
                start + walk
            }
            "seasonal" => {
                noise = 0.9 * noise + normal * 0.8;
                let year = std::f64::consts::TAU * x / 365.25 + phase;
                start
                    + rate / 2.0 * x / month
                    + 15.0 * year.sin()
                    + 5.0 * (2.0 * year).cos()
                    + noise
            }
            "exponential" => {
                walk += normal * 0.15;
                start / 2.0 * (rate / 6.0 * x / 600.0).exp() + walk
            }
            "flattening" => {
                walk += normal * 0.3;
                start + 40.0 * rate * (1.0 - (-x / 700.0).exp()) + walk
            }
            "weekly pattern" => {
                walk += come(rate / 2.0, &mut random);
                start + walk - if weekday { 0.0 } else { 6.0 } + normal
            }
            _ => {
                walk += normal * 0.8;
                start + walk
            }
        };
        demand.push(value.max(0.0).round());
    }
    let mut made =
        Made { name, seen: demand.clone(), demand, totals: Vec::new(), released: Vec::new() };
    made.acts(&mut random);
    made
}

impl Made {
    /// Purchases that let in those who waited, and clean-ups.
    fn acts(&mut self, random: &mut fastrand::Rng) {
        let mut shift = 0.0;
        let mut total = self.demand[0] + 400.0;
        let mut next = 150 + random.usize(..200);
        for day in 0..DAYS {
            if day == next {
                next += 200 + random.usize(..250);
                match self.name {
                    "purchases" => {
                        shift += f64::from(random.i32(10..50));
                        total += 100.0;
                        self.totals.push((day, total));
                    }
                    "clean-ups" => {
                        let seats = random.u32(10..40).min(self.seen[day] as u32 / 2);
                        shift -= f64::from(seats);
                        self.released.push((day, seats));
                    }
                    _ => {}
                }
            }
            self.seen[day] = (self.seen[day] + shift).max(0.0);
        }
    }
}
