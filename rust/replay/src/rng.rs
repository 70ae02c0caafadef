//! Draws that follow from a seed, a fixture and a request's ordinal, and from nothing else.

use std::convert::Infallible;

use rand_core::TryRng;

/// A stream of numbers (`SplitMix64`). The same keys give the same numbers, on every machine.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// The stream of these keys.
    pub fn new(keys: &[u64]) -> Self {
        let mut state = Self(0x6265_6472_6f63_6b00);
        for key in keys {
            state.mix(*key);
        }
        state
    }

    /// The stream of these keys and a text.
    pub(crate) fn of(mut self, text: &str) -> Self {
        for chunk in text.as_bytes().chunks(8) {
            let mut key = [0; 8];
            key[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(key));
        }
        self
    }

    fn mix(&mut self, key: u64) {
        self.0 ^= key.wrapping_mul(0xff51_afd7_ed55_8ccd);
        self.0 = self.draw();
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next number in `[0, 1)`.
    #[allow(clippy::cast_precision_loss, reason = "53 bits are what an f64 holds")]
    pub fn unit(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The index of a weight, drawn by the weights. Zero where there is no choice.
    pub fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        for (index, weight) in weights.iter().enumerate() {
            if left < *weight {
                return index;
            }
            left -= weight;
        }
        // Rounding can leave a crumb above the last weight.
        weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0)
    }
}

/// So that distributions of `rand_distr` draw from it.
impl TryRng for Rng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.draw() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.draw())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.draw().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}
