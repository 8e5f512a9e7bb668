// A Rust program that says what each of its blocks is: "address<TAB>type" a line to the file named
// first. Vectors, queues, lists, optional boxes, counted references; some of it is lost. Then it aborts.
use std::cell::RefCell;
use std::collections::{LinkedList, VecDeque};
use std::fmt::Write;
use std::rc::Rc;

pub struct Order {
    number: u64,
    items: Vec<u64>,
    name: String,
    next: Option<Box<Order>>,
}

pub struct Session {
    user: String,
    orders: Vec<Box<Order>>,
    node: Option<Rc<RefCell<Node>>>,
}

pub struct Node {
    value: u64,
    kids: Vec<Rc<RefCell<Node>>>,
}

struct Truth(String);

impl Truth {
    fn say<T: ?Sized>(&mut self, at: *const T, what: &str) {
        writeln!(self.0, "{:#x}\t{}", at as *const u8 as usize, what).unwrap();
    }

    fn order(&mut self, n: u64, depth: u32) -> Box<Order> {
        let next = if depth > 0 { Some(self.order(n + 1000, depth - 1)) } else { None };
        let items = (0..n % 20 + 5).collect::<Vec<u64>>();
        let order = Box::new(Order { number: n, items, name: format!("order number {}", n), next });

        self.say(&*order, "Order");
        self.say(order.name.as_ptr(), "text");
        order
    }
}

fn main() {
    let mut truth = Truth(String::new());
    let mut queue: VecDeque<Session> = VecDeque::new();
    let mut list: LinkedList<String> = LinkedList::new();
    let root = Rc::new(RefCell::new(Node { value: 0, kids: Vec::new() }));

    for i in 0..200u64 {
        let kid = Rc::new(RefCell::new(Node { value: i, kids: Vec::new() }));
        let orders = vec![truth.order(i, i as u32 % 3), truth.order(i + 1, 0)];

        // in front of what a Rc shares are its two counts
        truth.say((kid.as_ptr() as usize - 24) as *const u8, "RcInner");
        truth.say(orders.as_ptr(), "Box[]");
        root.borrow_mut().kids.push(kid.clone());
        list.push_back(format!("link {}", i));
        truth.say(list.back().unwrap().as_str(), "text");
        let session = Session { user: format!("somebody {}", i), orders, node: Some(kid) };
        queue.push_back(session);
        if i % 4 == 0 {
            std::mem::forget(truth.order(i + 7, 1)); // lost
        }
    }
    let first: *const Session = &queue[0];
    truth.say(first, "Session[]");
    truth.say(root.borrow().kids.as_ptr(), "Rc[]");
    std::fs::write(std::env::args().nth(1).unwrap(), &truth.0).unwrap();
    let all: u64 = queue.iter().map(|s| s.user.len() as u64 + s.orders[0].number + s.orders[0].items[0]
        + s.node.as_ref().unwrap().borrow().value + s.orders[0].next.is_some() as u64).sum();
    eprintln!("{} {} {}", all, list.len(), root.borrow().kids.len());
    std::process::abort();
}
